package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * The three jobs of the engine bench on Kafka Streams.
 *
 * <p>Arguments: job (copy, predict, window), bootstrap servers, application id, input topic, output topic, state directory, threads, store (memory or rocksdb),
 * guarantee, commit interval in ms or "default". Runs until it is killed; the bench watches the committed offsets.
 */
public final class Peer {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Peer() {}

    public static void main(String[] args) {
        Properties config = new Properties();
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[1]);
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, args[2]);
        config.put(StreamsConfig.STATE_DIR_CONFIG, args[5]);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[6]);
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, args[8]);
        config.put("auto.offset.reset", "earliest");
        if (!args[9].equals("default")) {
            config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, args[9]);
        }
        StreamsBuilder builder = new StreamsBuilder();
        boolean memory = args[7].equals("memory");
        switch (args[0]) {
            case "copy" -> copy(builder, args[3], args[4]);
            case "predict" -> predict(builder, args[3], args[4], memory);
            case "window" -> window(builder, args[3], args[4], memory);
            default -> throw new IllegalArgumentException("no such job: " + args[0]);
        }
        Topology topology = builder.build();
        KafkaStreams streams = new KafkaStreams(topology, config);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            System.exit(1);
            return null;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(10))));
        streams.start();
    }

    private static void copy(StreamsBuilder builder, String input, String output) {
        builder.stream(input, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .to(output, Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    }

    /** Parses each candle, predicts the next close with a linear model per coin, and learns. */
    private static void predict(StreamsBuilder builder, String input, String output, boolean memory) {
        var supplier = memory ? Stores.inMemoryKeyValueStore("models") : Stores.persistentKeyValueStore("models");
        builder.addStateStore(Stores.keyValueStoreBuilder(supplier, Serdes.String(), Serdes.ByteArray()));
        builder.stream(input, Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .process(Predictor::new, "models")
                .to(output, Produced.with(Serdes.String(), Serdes.ByteArray()));
    }

    /** Five-minute candles, each put out once, when its window and grace are over. */
    private static void window(StreamsBuilder builder, String input, String output, boolean memory) {
        Serde<Bar> bars = Serdes.serdeFrom(new BarSerializer(), new BarDeserializer());
        Duration size = Duration.ofMinutes(5);
        Duration grace = Duration.ofSeconds(10);
        Materialized<String, Bar, WindowStore<Bytes, byte[]>> store = memory
                ? Materialized.as(Stores.inMemoryWindowStore("bars", size.plus(grace), size, false))
                // With the shortest retention that the DSL would take, RocksDB opens and deletes a database for every three minutes of events.
                : Materialized.as(Stores.persistentWindowStore("bars", Duration.ofDays(1), size, false));
        KStream<String, byte[]> candles = builder.stream(input, Consumed.with(Serdes.String(), Serdes.ByteArray()));
        candles.groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
                .windowedBy(TimeWindows.ofSizeAndGrace(size, grace))
                .aggregate(Bar::new, (key, value, bar) -> bar.add(parse(value)),
                        store.withKeySerde(Serdes.String()).withValueSerde(bars))
                .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
                .toStream()
                .map((key, bar) -> new org.apache.kafka.streams.KeyValue<>(key.key(), bar.json(key.key(), key.window().start())))
                .to(output, Produced.with(Serdes.String(), Serdes.ByteArray()));
    }

    private static JsonNode parse(byte[] value) {
        try {
            return JSON.readTree(value);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static byte[] write(ObjectNode node) {
        try {
            return JSON.writeValueAsBytes(node);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** A linear model of three relative features for each coin: predicts the next relative change of the close, learns by a step of gradient descent. */
    private static final class Predictor extends ContextualProcessor<String, byte[], String, byte[]> {
        private static final int FEATURES = 3;
        private static final long MINUTE = 60_000;
        private KeyValueStore<String, byte[]> models;

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            super.init(context);
            models = context.getStateStore("models");
        }

        @Override
        public void process(Record<String, byte[]> record) {
            JsonNode candle = parse(record.value());
            double open = candle.get("open").asDouble();
            double high = candle.get("high").asDouble();
            double low = candle.get("low").asDouble();
            double close = candle.get("close").asDouble();
            double[] x = {close / open - 1, high / open - 1, low / open - 1};
            // weights, intercept, the last features, the last close (0: none yet), steps of learning
            double[] model = new double[2 * FEATURES + 3];
            byte[] stored = models.get(record.key());
            if (stored != null) {
                ByteBuffer.wrap(stored).asDoubleBuffer().get(model);
            }
            double last = model[2 * FEATURES + 1];
            if (last > 0) {
                double error = model[FEATURES] - (close / last - 1);
                for (int i = 0; i < FEATURES; i++) {
                    error += model[i] * model[FEATURES + 1 + i];
                }
                for (int i = 0; i < FEATURES; i++) {
                    model[i] -= 0.02 * error * model[FEATURES + 1 + i];
                }
                model[FEATURES] -= 0.02 * error;
                model[2 * FEATURES + 2]++;
            }
            double change = model[FEATURES];
            for (int i = 0; i < FEATURES; i++) {
                change += model[i] * x[i];
                model[FEATURES + 1 + i] = x[i];
            }
            model[2 * FEATURES + 1] = close;
            ByteBuffer bytes = ByteBuffer.allocate(8 * model.length);
            bytes.asDoubleBuffer().put(model);
            models.put(record.key(), bytes.array());
            // What tidemill writes for each prediction, so that everybody's records are as long.
            long at = record.timestamp();
            ObjectNode out = JSON.createObjectNode();
            out.put("id", "bench-predict/" + record.key() + "/linear/" + at);
            out.put("coin", record.key());
            out.put("model", "linear");
            out.put("model_version", (long) model[2 * FEATURES + 2]);
            out.put("target", "return");
            out.put("horizon_ms", MINUTE);
            out.put("asked_at", at);
            out.put("due_at", at + MINUTE);
            out.put("last", close);
            out.put("prediction", change);
            out.put("price", close * (1 + change));
            out.put("nowcast", false);
            out.putNull("champion");
            ObjectNode source = out.putObject("source");
            context().recordMetadata().ifPresent(metadata -> source.put("topic", metadata.topic())
                    .put("partition", metadata.partition()).put("offset", metadata.offset()));
            context().forward(record.withValue(write(out)));
        }
    }

    /** A candle of several candles. */
    static final class Bar {
        double open;
        double high = Double.NEGATIVE_INFINITY;
        double low = Double.POSITIVE_INFINITY;
        double close;
        double volume;
        int count;

        Bar add(JsonNode candle) {
            if (count == 0) {
                open = candle.get("open").asDouble();
            }
            high = Math.max(high, candle.get("high").asDouble());
            low = Math.min(low, candle.get("low").asDouble());
            close = candle.get("close").asDouble();
            volume += candle.get("volume").asDouble();
            count++;
            return this;
        }

        byte[] json(String coin, long start) {
            ObjectNode out = JSON.createObjectNode();
            out.put("coin", coin);
            out.put("interval", "5m");
            out.put("open_time", start);
            out.put("open", open);
            out.put("high", high);
            out.put("low", low);
            out.put("close", close);
            out.put("volume", volume);
            return write(out);
        }
    }

    static final class BarSerializer implements Serializer<Bar> {
        @Override
        public byte[] serialize(String topic, Bar bar) {
            return bar == null ? null : ByteBuffer.allocate(44).putDouble(bar.open).putDouble(bar.high).putDouble(bar.low)
                    .putDouble(bar.close).putDouble(bar.volume).putInt(bar.count).array();
        }
    }

    static final class BarDeserializer implements Deserializer<Bar> {
        @Override
        public Bar deserialize(String topic, byte[] data) {
            if (data == null) {
                return null;
            }
            ByteBuffer bytes = ByteBuffer.wrap(data);
            Bar bar = new Bar();
            bar.open = bytes.getDouble();
            bar.high = bytes.getDouble();
            bar.low = bytes.getDouble();
            bar.close = bytes.getDouble();
            bar.volume = bytes.getDouble();
            bar.count = bytes.getInt();
            return bar;
        }
    }
}

// MOA's learners on the stream of the peer comparison: a line of JSON a model. Usage: java -cp moa.jar PeersMoa.java STREAM.csv [part of a name ...]

import com.yahoo.labs.samoa.instances.Attribute;
import com.yahoo.labs.samoa.instances.DenseInstance;
import com.yahoo.labs.samoa.instances.Instances;
import com.yahoo.labs.samoa.instances.InstancesHeader;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import moa.classifiers.Classifier;
import moa.classifiers.core.driftdetection.ADWIN;
import moa.options.ClassOption;

class PeersMoa {
    static final int COLD = 1_000;
    static final int PASSES = 5; // the first ones are compiled on the way; the best counts

    static final Map<String, String> MODELS = new LinkedHashMap<>();

    static {
        MODELS.put("knn_1000", "lazy.kNN -k 5 -w 1000");
        MODELS.put("hoeffding_tree", "trees.FIMTDD");
        MODELS.put("fimt_dd", "trees.FIMTDD");
        MODELS.put("arf_10", "meta.AdaptiveRandomForestRegressor -s 10");
        MODELS.put("amrules", "rules.AMRulesRegressor");
    }

    public static void main(String[] args) throws Exception {
        List<double[]> rows = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[0])).subList(1, Files.readAllLines(Path.of(args[0])).size())) {
            rows.add(Arrays.stream(line.split(",")).mapToDouble(Double::parseDouble).toArray());
        }
        for (Map.Entry<String, String> entry : MODELS.entrySet()) {
            if (wanted(args, entry.getKey())) {
                measure(entry.getKey(), entry.getValue(), rows);
            }
        }
        if (wanted(args, "adwin")) {
            adwin(rows);
        }
    }

    static boolean wanted(String[] args, String name) {
        return args.length == 1 || Arrays.stream(args).skip(1).anyMatch(name::contains);
    }

    static long worked() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    static InstancesHeader header() {
        ArrayList<Attribute> attributes = new ArrayList<>();
        for (String name : new String[] {"open", "high", "low", "close"}) {
            attributes.add(new Attribute(name));
        }
        InstancesHeader header = new InstancesHeader(new Instances("bars", attributes, 0));
        header.setClassIndex(3);
        return header;
    }

    static void measure(String name, String spec, List<double[]> rows) throws Exception {
        InstancesHeader header = header();
        List<DenseInstance> stream = new ArrayList<>();
        for (double[] row : rows) {
            DenseInstance instance = new DenseInstance(1.0, row);
            instance.setDataset(header);
            stream.add(instance);
        }
        double best = Double.MAX_VALUE;
        double error = 0;
        for (int pass = 0; pass < PASSES; pass++) {
            Classifier model = (Classifier) ClassOption.cliStringToObject(spec, Classifier.class, null);
            model.setModelContext(header);
            model.prepareForUse();
            error = 0;
            long start = worked();
            for (int i = 0; i < stream.size(); i++) {
                double[] votes = model.getVotesForInstance(stream.get(i));
                double said = votes.length > 0 ? votes[0] : 0.0;
                model.trainOnInstance(stream.get(i));
                if (i >= COLD) {
                    error += Math.abs(rows.get(i)[3] - said);
                }
            }
            best = Math.min(best, (worked() - start) / 1e9);
        }
        tell(name, stream.size() / best, error / (stream.size() - COLD));
    }

    static void adwin(List<double[]> rows) {
        double best = Double.MAX_VALUE;
        for (int pass = 0; pass < 4 * PASSES; pass++) {
            ADWIN detector = new ADWIN();
            long start = worked();
            for (double[] row : rows) {
                detector.setInput(Math.abs(row[3] - row[0]));
            }
            best = Math.min(best, (worked() - start) / 1e9);
        }
        tell("adwin", rows.size() / best, Double.NaN);
    }

    static void tell(String name, double rate, double mae) {
        String error = Double.isNaN(mae) ? "" : String.format(", \"mae\": %s", mae);
        System.out.printf("{\"who\": \"moa\", \"model\": \"%s\", \"records_per_s\": %s%s}%n", name, rate, error);
    }
}

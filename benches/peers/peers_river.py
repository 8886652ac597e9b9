"""River's models on the stream of the peer comparison: a line of JSON a model. Usage: peers_river.py STREAM.csv [part of a name ...]"""

import csv
import json
import pickle
import statistics
import sys
import time

from river import drift, ensemble, forest, linear_model, neighbors, preprocessing, rules, time_series, tree
from river.time_series.base import Forecaster

COLD = 1_000
PASSES = 3
LONG_S = 4.0  # a pass longer than this is not repeated


def scaled(model):
    return preprocessing.StandardScaler() | model


MODELS = {
    "linear_regression": lambda: scaled(linear_model.LinearRegression()),
    "pa_regressor": lambda: scaled(linear_model.PARegressor(mode=1)),
    "bayesian_linear_regression": lambda: linear_model.BayesianLinearRegression(),
    "knn_1000": lambda: neighbors.KNNRegressor(n_neighbors=5, engine=neighbors.LazySearch(window_size=1000)),
    "hoeffding_tree": lambda: scaled(tree.HoeffdingTreeRegressor()),
    "hoeffding_adaptive_tree": lambda: scaled(tree.HoeffdingAdaptiveTreeRegressor(seed=42)),
    "arf_10": lambda: scaled(forest.ARFRegressor(seed=42)),
    "oxt_10": lambda: scaled(forest.OXTRegressor(seed=42)),
    "amrules": lambda: scaled(rules.AMRules()),
    "sgt": lambda: scaled(tree.SGTRegressor()),
    "srp_10": lambda: scaled(ensemble.SRPRegressor(seed=42)),
    "amf_10": lambda: scaled(forest.AMFRegressor(seed=42)),
    "bagging_10_linear": lambda: scaled(ensemble.BaggingRegressor(linear_model.LinearRegression(), n_models=10, seed=42)),
    "snarimax_12_1_12": lambda: time_series.SNARIMAX(p=12, d=1, q=12, m=12, sd=1),
    "holt_winters_12": lambda: time_series.HoltWinters(alpha=0.3, beta=0.1, gamma=0.6, seasonality=12),
}
SEVEN = ["linear_regression", "pa_regressor", "knn_1000", "hoeffding_tree", "hoeffding_adaptive_tree", "arf_10", "snarimax_12_1_12"]
DETECTORS = {"adwin": drift.ADWIN, "page_hinkley": drift.PageHinkley, "kswin": lambda: drift.KSWIN(seed=42)}


def step(model, x, y):
    if isinstance(model, Forecaster):
        try:
            said = model.forecast(horizon=1)[0]
        except Exception:  # HoltWinters cannot answer before its first season
            said = 0.0
        model.learn_one(y)
    else:
        said = model.predict_one(x)
        model.learn_one(x, y)
    return said


def tell(**facts):
    print(json.dumps({"who": "river", **facts}), flush=True)


def passes(one):
    times = []
    while len(times) < PASSES and not (times and times[-1] > LONG_S):
        start = time.process_time()
        result = one()
        times.append(time.process_time() - start)
    return statistics.median(times), result


def run(make, stream):
    model, errors = make(), []
    for x, y in stream:
        errors.append(abs(y - (step(model, x, y) or 0.0)))  # some say nothing at first
    return model, errors


def run_seven(stream):
    models = [MODELS[name]() for name in SEVEN]
    for x, y in stream:
        for model in models:
            step(model, x, y)


def run_detector(make, values):
    detector = make()
    for value in values:
        detector.update(value)


def main():
    with open(sys.argv[1], newline="") as file:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    stream = [({name: row[name] for name in ("open", "high", "low")}, row["close"]) for row in rows]
    wanted = lambda name: len(sys.argv) < 3 or any(part in name for part in sys.argv[2:])
    for name, make in MODELS.items():
        if wanted(name):
            seconds, (model, errors) = passes(lambda: run(make, stream))
            mae = sum(errors[COLD:]) / len(errors[COLD:])
            tell(model=name, records_per_s=len(stream) / seconds, mae=mae, state_bytes=len(pickle.dumps(model)))
    if wanted("seven"):
        seconds, _ = passes(lambda: run_seven(stream))
        tell(model="seven", records_per_s=len(stream) / seconds)
    values = [abs(row["close"] - row["open"]) for row in rows]
    for name, make in DETECTORS.items():
        if wanted(name):
            seconds, _ = passes(lambda: run_detector(make, values))
            tell(model=name, records_per_s=len(values) / seconds)


main()

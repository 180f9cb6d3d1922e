#!/usr/bin/env python3
"""Trains a small model of demand on what `pricestream catalogue features --targets` printed, and writes it as ONNX.

Units sold are Poisson distributed around  hours in stock x exp(w . features) x exp(-s (price / list - 1)),
one weight for each feature and one sensitivity for each category, both drawn toward what all have in common.
Newton's method; nothing but numpy and onnx.
"""

import argparse
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

USUAL_SENSITIVITY = 2.0  # median of 167 products of a grocer


def read(path):
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    return [row for row in rows if sum(seen["hours"] for seen in row["sold"]) > 0]


def fit(design, offset, units, shrink, toward, steps=50):
    """Maximum of the Poisson likelihood with a normal prior of precision `shrink` around `toward`."""
    weights = toward.copy()
    for _ in range(steps):
        mean = np.exp(np.clip(design @ weights + offset, -30, 30))
        slope = design.T @ (units - mean) - shrink * (weights - toward)
        curve = (design * mean[:, None]).T @ design + np.diag(shrink)
        step = np.linalg.solve(curve, slope)
        weights += step * min(1.0, 1.0 / max(1e-12, np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return weights


def deviance(units, mean):
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(units > 0, units * np.log(units / mean), 0.0)
    return 2.0 * float(np.sum(log - (units - mean)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("features", help="what `pricestream catalogue features CATALOGUE --changes FILE --targets FILE` printed")
    parser.add_argument("model", help="where the model goes (ONNX)")
    parser.add_argument("--hold-out", type=float, default=0.2, help="share of the SKUs that the report is about and the fit is not")
    options = parser.parse_args()

    rows = read(options.features)
    if len(rows) < 5:
        sys.exit(f"{len(rows)} SKUs have sales to learn from: at least 5 are needed")
    names = sorted({name for row in rows for name in row["features"]})
    categories = sorted({row["category"] or "" for row in rows})
    column = {name: place for place, name in enumerate(names)}
    # One row an observation: intercept and features, then for each category what the price does.
    width = 1 + len(names) + len(categories)
    design, hours, units, sku = [], [], [], []
    for number, row in enumerate(rows):
        line = np.zeros(width)
        line[0] = 1.0
        for name, value in row["features"].items():
            line[1 + column[name]] = value
        for seen in row["sold"]:
            if seen["hours"] <= 0:
                continue
            priced = line.copy()
            priced[1 + len(names) + categories.index(row["category"] or "")] = -(seen["price"] - 1.0)
            design.append(priced)
            hours.append(seen["hours"])
            units.append(seen["units"])
            sku.append(number)
    design, hours, units, sku = np.array(design), np.array(hours), np.array(units), np.array(sku)
    shrink = np.full(width, 1.0)
    shrink[0] = 1e-3
    # A standard deviation of half the usual sensitivity.
    shrink[1 + len(names):] = 1.0 / (USUAL_SENSITIVITY / 2) ** 2
    toward = np.zeros(width)
    toward[1 + len(names):] = USUAL_SENSITIVITY
    held_out = np.random.default_rng(11).random(len(rows)) < options.hold_out

    def report(kept, tested):
        weights = fit(design[kept], np.log(hours[kept]), units[kept], shrink, toward)
        mean = np.exp(np.clip(design[tested] @ weights + np.log(hours[tested]), -30, 30))
        rate = units[kept].sum() / hours[kept].sum()
        plain = deviance(units[tested], np.maximum(rate * hours[tested], 1e-9))
        print(f"held out: {len(set(sku[tested]))} SKUs, {1.0 - deviance(units[tested], mean) / plain:.1%} of the deviance explained")

    tested = held_out[sku]
    if tested.any() and not tested.all():
        report(~tested, tested)
    weights = fit(design, np.log(hours), units, shrink, toward)

    # How sure: the shape of a Gamma that spreads SKUs around the fit, by moments.
    mean = np.exp(np.clip(design @ weights + np.log(hours), -30, 30))
    sold, expected = np.bincount(sku, units), np.bincount(sku, mean)
    excess = float(np.sum((sold - expected) ** 2 - expected))
    certainty = float(np.clip(np.sum(expected**2) / excess if excess > 0 else 100.0, 0.5, 100.0))
    sensitivity = np.clip(weights[1 + len(names):], 0.2, 10.0)
    print(f"{len(rows)} SKUs, {int(units.sum())} units in {hours.sum():.0f} hours; certainty {certainty:.1f}; sensitivity "
          + ", ".join(f"{category or 'none'} {value:.2f}" for category, value in zip(categories, sensitivity)))
    write(options.model, names, categories, weights, sensitivity, certainty)


def write(path, names, categories, weights, sensitivity, certainty):
    """One input of the named features, one output: per_hour, certainty, sensitivity, sensitivity_sd."""
    count = len(names)
    rate = weights[1:1 + count].reshape(count, 1)
    # A SKU of a category that was not seen has the usual sensitivity.
    usual = float(np.mean(sensitivity))
    by_category = np.zeros((count, 1))
    for category, value in zip(categories, sensitivity):
        name = f"category={category}"
        if name in names:
            by_category[names.index(name), 0] = value - usual
    tensor = lambda name, value: numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("MatMul", ["features", "rate_weights"], ["rate_sum"]),
            node("Add", ["rate_sum", "rate_bias"], ["log_rate"]),
            node("Clip", ["log_rate", "lowest", "highest"], ["log_rate_in_range"]),
            node("Exp", ["log_rate_in_range"], ["per_hour"]),
            node("MatMul", ["features", "sensitivity_weights"], ["sensitivity_sum"]),
            node("Add", ["sensitivity_sum", "sensitivity_bias"], ["sensitivity"]),
            node("Mul", ["sensitivity", "half"], ["sensitivity_sd"]),
            node("Concat", ["per_hour", "certainty", "sensitivity", "sensitivity_sd"], ["prior"], axis=1),
        ],
        "prior_of_demand",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, count])],
        [helper.make_tensor_value_info("prior", TensorProto.FLOAT, [1, 4])],
        [
            tensor("rate_weights", rate),
            tensor("rate_bias", [[weights[0]]]),
            tensor("lowest", -11.0),
            tensor("highest", 15.0),
            tensor("sensitivity_weights", by_category),
            tensor("sensitivity_bias", [[usual]]),
            tensor("half", [[0.5]]),
            tensor("certainty", [[certainty]]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="pricestream")
    model.ir_version = 8
    helper.set_model_props(model, {"pricestream.features": ",".join(names)})
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    main()

"""Writes the networks of this folder, and what Keras answers with them. Needs keras 3.15, jax, h5py and numpy; the tests need none.

`memory-keras2.h5` has the arrays of `memory.keras` in the layout that Keras 2 gives them, made here by h5py alone.
"""

import json
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
import h5py
import keras
import numpy as np
from keras import layers

folder = os.path.dirname(os.path.abspath(__file__))
keras.utils.set_random_seed(7)


def path(name):
    return os.path.join(folder, name)


def with_random_weights(model):
    model.set_weights([np.random.normal(0, 0.5, w.shape).astype("float32") for w in model.get_weights()])
    return model


memory = with_random_weights(
    keras.Sequential(
        [
            keras.Input((6, 2)),
            layers.LSTM(3),
            layers.Dropout(0.1),
            layers.Dense(4, use_bias=False),
            layers.Activation("tanh"),
            layers.RepeatVector(6),
            layers.LSTM(3, activation="softplus", return_sequences=True),
            layers.TimeDistributed(layers.Dense(2, activation="elu")),
        ]
    )
)

row = keras.Input((6, 2), name="rows")
x = layers.Conv1D(3, 3, strides=2, padding="same", activation="relu")(row)
x = layers.SpatialDropout1D(0.1)(x)
x = layers.Conv1D(2, 2, dilation_rate=2, padding="causal")(x)
x = layers.Flatten()(x)
x = layers.GaussianNoise(0.1)(x)
x = layers.Dense(12)(x)
x = layers.Reshape((-1, 2))(x)
convolution = with_random_weights(keras.Model(row, layers.Activation("selu")(x)))

gate = with_random_weights(
    keras.Sequential([keras.Input((6, 2)), layers.Dense(2, activation="hard_sigmoid")])
)

memory.save(path("memory.keras"))
memory.save(path("memory.h5"))
convolution.save(path("convolution.keras"))
convolution.save(path("convolution.h5"))
gate.save(path("hard-sigmoid.keras"))


def keras2_layer(class_name, name, **options):
    return {"class_name": class_name, "config": {"name": name, "trainable": True, "dtype": "float32", **options}}


cell = {
    "units": 3,
    "recurrent_activation": "sigmoid",
    "use_bias": True,
    "unit_forget_bias": True,
    "return_state": False,
    "go_backwards": False,
    "stateful": False,
    "unroll": False,
    "time_major": False,
}
keras2 = {
    "class_name": "Sequential",
    "config": {
        "name": "sequential",
        "layers": [
            keras2_layer("InputLayer", "input_1", batch_input_shape=[None, 6, 2], sparse=False, ragged=False),
            keras2_layer("LSTM", "lstm", activation="tanh", return_sequences=False, **cell),
            keras2_layer("Dropout", "dropout", rate=0.1, noise_shape=None, seed=None),
            keras2_layer("Dense", "dense", units=4, activation="linear", use_bias=False),
            keras2_layer("Activation", "activation", activation="tanh"),
            keras2_layer("RepeatVector", "repeat_vector", n=6),
            keras2_layer("LSTM", "lstm_1", activation="softplus", return_sequences=True, **cell),
            keras2_layer(
                "TimeDistributed",
                "time_distributed",
                layer=keras2_layer("Dense", "dense_1", units=2, activation="elu", use_bias=True),
            ),
        ],
    },
}
roles = {
    "lstm": ["lstm/lstm_cell/kernel:0", "lstm/lstm_cell/recurrent_kernel:0", "lstm/lstm_cell/bias:0"],
    "dense": ["dense/kernel:0"],
    "lstm_1": ["lstm_1/lstm_cell_1/kernel:0", "lstm_1/lstm_cell_1/recurrent_kernel:0", "lstm_1/lstm_cell_1/bias:0"],
    "time_distributed": ["time_distributed/kernel:0", "time_distributed/bias:0"],
}
arrays = iter(memory.get_weights())
with h5py.File(path("memory-keras2.h5"), "w") as f:
    f.attrs["keras_version"] = b"2.15.0"
    f.attrs["backend"] = b"tensorflow"
    f.attrs["model_config"] = json.dumps(keras2).encode("utf8")
    weights = f.create_group("model_weights")
    names = [layer["config"]["name"] for layer in keras2["config"]["layers"]]
    weights.attrs["layer_names"] = [name.encode("utf8") for name in names]
    for name in names:
        group = weights.create_group(name)
        group.attrs["weight_names"] = [role.encode("utf8") for role in roles.get(name, [])]
        for role in roles.get(name, []):
            group.create_dataset(role, data=next(arrays))

def one_layer(name, dtype, **storage):
    """A Dense of two units, whose arrays are not as Keras writes them."""
    dense = keras2_layer("Dense", "dense", units=2, activation="linear", use_bias=True, batch_input_shape=[None, 2, 2])
    with h5py.File(path(name), "w") as f:
        f.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": [dense]}}).encode("utf8")
        group = f.create_group("model_weights/dense")
        group.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        group.create_dataset("dense/kernel:0", data=np.array([[1, 2], [3, 4]], dtype), **storage)
        group.create_dataset("dense/bias:0", data=np.array([5, 6], dtype), **storage)


one_layer("double.h5", "float64")
one_layer("half.h5", "float16")
one_layer("chunked.h5", "float32", chunks=True)
one_layer("compressed.h5", "float32", compression="gzip")

window = np.random.normal(0, 1, (1, 6, 2)).astype("float32")
answers = {
    name: np.asarray(model(window)).flatten().tolist() for name, model in [("memory", memory), ("convolution", convolution)]
}
with open(path("expected.json"), "w") as f:
    json.dump({"window": window.flatten().tolist(), **answers}, f, indent=1)
    f.write("\n")
print(keras.__version__, file=sys.stderr)

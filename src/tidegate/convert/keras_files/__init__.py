"""Files of Keras 1, 2, 3 and tf.keras, without Keras: HDF5 with h5py, and the configuration in JSON."""

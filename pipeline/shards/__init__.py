"""The HDF5 schema, writer, reader and exports."""

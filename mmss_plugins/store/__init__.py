"""LMDB stores: codec, records, reader, writer, splits."""

"""The mechanical configs and the metafiles, written from tables."""

"""Reading the CromSS reference's LMDB files, for migration."""

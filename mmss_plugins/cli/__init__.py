"""What the command lines share: options, errors, exit codes, progress."""

"""What tests share: small data, fake servers, processes. Imported as ``helpers.X``."""

"""Published data sets, folders, scenes and areas to stores: a module per preparation command."""

"""Pure core: values in, values out; no sockets, no database, no clock of its own."""

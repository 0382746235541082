//! Records that cannot be read, of every kind: each is kept as it came, named, and spoils nothing else.

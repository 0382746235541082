-- Opens the store, and one with a single run that was decoded again, beside each other.
-- takes: held, again

ATTACH {{held}} AS held (READ_ONLY);
ATTACH {{again}} AS again (READ_ONLY);

//! Motion to files, one format a file.

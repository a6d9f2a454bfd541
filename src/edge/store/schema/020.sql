-- Words were blanked, and the file was not tidied since: it is owed until it was done, whoever is killed meanwhile.
CREATE TABLE tidy_owed (
    id INTEGER PRIMARY KEY CHECK (id = 1)
) STRICT;

-- How much of a day's hot time was used: a restart does not begin a new day.
CREATE TABLE hot (
    day             TEXT NOT NULL PRIMARY KEY,
    ms              INTEGER NOT NULL
) STRICT;

"""Great Expectations suites, as code, one a data set."""

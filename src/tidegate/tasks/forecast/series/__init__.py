"""Series from files: tables and arrays, and which of their values are missing."""

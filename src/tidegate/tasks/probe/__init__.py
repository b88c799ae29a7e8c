"""Problems that only memory solves, at any lag."""

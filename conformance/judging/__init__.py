"""A session of chosen subjects, and a case put to one of them."""

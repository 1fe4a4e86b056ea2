"""Reading and writing files: limits, schemas, and where the content is."""

"""Who is judged, how it is called, and how its calls are written down."""

"""Docker: what an image is called, building and pushing it, reading it back, and seeing that the server in it runs."""

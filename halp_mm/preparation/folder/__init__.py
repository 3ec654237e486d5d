"""One's own clips: a folder with one file a clip, and a labels file."""

"""Live calls: sessions, decoding shared by all of them, and the doors by which audio comes in."""

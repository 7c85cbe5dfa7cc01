"""What a call came to: claims, each with the words that say so."""

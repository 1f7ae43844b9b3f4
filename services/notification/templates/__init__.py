"""What notifications say: a book of texts for each language, and how they are filled in."""

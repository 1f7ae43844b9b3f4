"""The texts of notifications: a book for each language, and how its texts are filled in."""

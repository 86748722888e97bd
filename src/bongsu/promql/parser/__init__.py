"""From the text of a query to its typed syntax tree, and back to text."""

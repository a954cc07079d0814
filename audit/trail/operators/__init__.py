"""What operators enter, against the lines that tell of it: acteurs, rights, products, the directory."""

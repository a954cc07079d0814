"""The web canal: views by area, forms, templates. Writes only through the use cases of ``registration``."""

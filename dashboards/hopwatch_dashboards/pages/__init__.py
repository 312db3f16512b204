"""One file per page; a page only shows what its view made."""

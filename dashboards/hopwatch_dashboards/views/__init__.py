"""Pure functions that make the data of each page; they know nothing of Streamlit."""

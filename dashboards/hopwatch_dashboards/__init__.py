"""The dashboard: Streamlit pages that show what the analyzer found."""

"""What Streamlit lacks: components with a canvas of their own."""

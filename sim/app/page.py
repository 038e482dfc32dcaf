"""What Streamlit runs from top to bottom with every change."""

from sim.app.layout import page

page()

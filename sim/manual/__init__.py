"""The pages of the documentation that are made from the code, and the gallery of figures.

python -m sim.manual [--check]           # docs/reference
python -m sim.manual.gallery [--check]   # docs/gallery.md and outputs/gallery
"""

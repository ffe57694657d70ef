"""A web app around a filter: ``python gradio_app.py starry_night.safetensors``."""

import sys

import gradio as gr

from fast_nst import Stylizer

stylizer = Stylizer.load(sys.argv[1])
inputs = [gr.Image(type="pil", label="Photo"), gr.Slider(0, 1, value=1, label="Strength")]
app = gr.Interface(
    fn=lambda photo, strength: stylizer(photo, strength=strength),
    inputs=inputs,
    outputs=gr.Image(format="png", label="Stylized"),
    title="fast_nst",
    flagging_mode="never",  # no button that stores images
    analytics_enabled=False,  # nothing about its use is sent anywhere
)
app.launch()

"""
Runs a page's scripts in an isolated headless Chromium, for pages whose images only scripts show.

`Renderer` gives the page's markup as its scripts have changed it. The browser runs in a network
namespace of its own, in which there is nothing but a way to the filtering proxy.
"""

from hashsvc.scanning.rendering.browser import Isolation
from hashsvc.scanning.rendering.filtering_proxy import FilteringProxy
from hashsvc.scanning.rendering.renderer import Renderer, RendererState

__all__ = ["FilteringProxy", "Isolation", "Renderer", "RendererState"]

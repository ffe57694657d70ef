"""A page that runs filters in the browser: ``serve(make_site(["starry_night.safetensors"]))``.

The page itself is TypeScript, in ``web/`` of the repository; ``make web`` builds it into
``fast_nst/assets/web``. Here the filters are converted, and both are served or written to a folder.

Importing this package loads no torch; what needs it is imported on first use.
"""

from fast_nst.apps.web.server import SiteServer
from fast_nst.apps.web.site import Site, make_site, page_files
from fast_nst.apps.web.static import check_folder, write_folder

__all__ = ["Site", "SiteServer", "check_folder", "make_site", "page_files", "write_folder"]

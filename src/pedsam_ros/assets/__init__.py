"""Builds the pack of pictures that `pedsam train` learns from, out of Debian packages.

The room reads extracted packages (`files`, `rcc`), their licences (`credits`) and their 3-D models
(`wavefront`), draws the models (`walking`, `render`), cuts objects out of photographs (`cutouts`)
and writes one zip with an index (`pack`). It may import `core` and nothing else of the package.
Robots do not need it: CMake installs it only with PEDSAM_ASSETS=ON. Start reading at
`pack.write_pack`.
"""

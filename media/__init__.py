"""Photos: evidence that is kept unchanged, and copies that tell nothing but what they show.

What operators and the other rooms can rely on:

- JPEG (of several pictures in one file the first counts), PNG, WebP, HEIC and HEIF; up to 20
  MiB and 50 megapixels, both known before a pixel is decoded. The bytes decide, never the name
  or the type.
- An original is stored as it came, with its SHA-256. `thumb` (400 px) and `large` (1600 px) are
  encoded from pixels, upright, in sRGB, without any metadata, and made once, from one scaled
  decode.
- Pictures are decoded by a program of its own without secrets (`media.decoder`), each in a process
  with 400 MB and 10 seconds of work. Two are decoded at once on a machine; a third waits up to
  12 seconds, then it gets 503. A file that crashes its decoder is a damaged one.
- A photo belongs to whoever sent it, and from `service.claim` on to what uses it. 100 unused
  photos and 300 uploads in 24 hours are the most per account; unused ones go after 24 hours.
- `twins` finds the same picture among all that were used: the same bytes, or the same print
  (`media.likeness`).
- Links open one copy for at most 300 seconds. Originals have none: they need a token and are
  audited. The public sees what is published and passed the content check, redacted if it was.
- `MEDIA_URL` is `file:…` or `s3://bucket/prefix`. A store that is away, full or slow is 503
  within 5 seconds.
- `flask media check` compares rows, objects and hashes both ways, `flask media migrate` copies all
  to another store. The worker deletes unused photos and objects without a row.
"""

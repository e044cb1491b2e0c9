"""Photos: evidence that is kept unchanged, and copies that tell nothing but what they show.

What operators and the other rooms can rely on:

- JPEG (of several pictures in one file the first counts), PNG, WebP, HEIC and HEIF; up to 20
  MiB and 50 megapixels, both known before a pixel is decoded. The bytes decide, never the name
  or the type.
- An original is stored as it came, with its SHA-256. `thumb` (400 px) and `large` (1600 px) are
  encoded from pixels, upright, in sRGB, without any metadata, and made once, from one scaled
  decode.
- Two photos are decoded at once in a process; a third waits up to 12 seconds, then it gets 503.
- A photo belongs to whoever sent it, and from `service.claim` on to what uses it. 100 unused
  photos and 300 uploads in 24 hours are the most per account; unused ones go after 24 hours.
- Links open one copy for at most 300 seconds. Originals have none: they need a token and are
  audited.
- `MEDIA_URL` is `file:…` or `s3://bucket/prefix`. A store that is away, full or slow is 503
  within 5 seconds.
- `flask media check` compares rows, objects and hashes both ways. The worker deletes unused
  photos and objects without a row.
"""

"""What can be wrong with a photo, an upload, or the use of one."""

from core.errors import (
    Conflict,
    Invalid,
    NotFound,
    TooLarge,
    TooMany,
    Unavailable,
    UnsupportedMedia,
)


class EmptyFile(Invalid):
    """A file without a single byte, as a picker without permission sends it."""

    code = "empty_file"
    zh, en = "文件为空，请重新选择照片", "The file is empty, pick the photo again"


class FileTooLarge(TooLarge):
    """More than 20 MiB."""

    zh, en = "照片不能超过 20 MB", "A photo may have at most 20 MiB"


class TooManyPixels(TooLarge):
    """More than 50 megapixels, whatever the file's size."""

    code = "too_many_pixels"
    zh, en = "照片像素不能超过 5000 万", "A photo may have at most 50 megapixels"


class UnsupportedFormat(UnsupportedMedia):
    """The bytes are no photo that we read, whatever the name says."""

    code = "unsupported_format"
    zh = "不支持的文件格式，请上传 JPEG、PNG、WebP 或 HEIC 照片"
    en = "Not a JPEG, PNG, WebP or HEIC photo"


class DamagedImage(Invalid):
    """It begins like a photo and can't be decoded to its end."""

    code = "damaged_image"
    zh, en = "照片已损坏或不完整，请重新上传", "The photo is damaged or incomplete, send it again"


class MediaNotFound(Invalid):
    """A named photo that is not there or is somebody else's: both look the same."""

    code = "media_not_found"
    zh, en = "照片不存在，请重新上传", "No such photo, upload it again"


class MediaUsed(Conflict):
    """A photo belongs to one report, and stays with it."""

    code = "media_used"
    zh, en = "照片已用于其他上报", "The photo already belongs to another report"


class PhotoGone(NotFound):
    """A photo that is not there, or that the viewer may not see."""

    zh, en = "照片不存在", "No such photo"


class TooManyUnused(TooMany):
    """An account keeps at most 100 photos that no report uses."""

    code = "too_many_unused"
    zh, en = "未使用的照片过多，请先提交上报", "Too many unused photos, report first"


class TooManyUploads(TooMany):
    """An account uploads at most 300 photos in 24 hours."""

    code = "too_many_uploads"
    zh, en = "今日上传的照片过多", "Too many uploads today"


class DecoderBusy(Unavailable):
    """Every decoder is at work for longer than anybody should wait."""

    code = "decoder_busy"
    zh, en = "正在处理的照片较多，请稍后再试", "Many photos are being read, try again soon"


class StoreAway(Unavailable):
    """The photo store is away or full; nothing was kept."""

    code = "media_store_unavailable"
    zh, en = "照片存储暂时不可用，请稍后再试", "The photo store is away, try again soon"


class ObjectMissing(NotFound):
    """A row points at an object that the store does not have: `flask media check` names it."""

    zh, en = "照片不存在", "No such photo"

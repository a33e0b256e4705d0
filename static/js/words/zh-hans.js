// Made by `make messages`.
globalThis.studioWords = {
  "%(count)s model": [
    "%(count)s 个模型"
  ],
  "%(count)s selected": [
    "已选择 %(count)s 张"
  ],
  "%(length)s of %(most)s characters": [
    "%(length)s / %(most)s 个字符"
  ],
  "%(most)s pictures at once are the most.": [
    "一次最多 %(most)s 张图片。"
  ],
  "%(name)s: in your library": [
    "%(name)s：已在你的素材库中"
  ],
  "%(seconds)s s": [
    "%(seconds)s 秒"
  ],
  "About %(seconds)s s left": [
    "还需约 %(seconds)s 秒"
  ],
  "Add an option": [
    "添加选项"
  ],
  "All of the picture": [
    "整张图片"
  ],
  "Any moment now": [
    "马上就好"
  ],
  "Arrange": [
    "排列"
  ],
  "Arranging. Drag pictures, or move them with Alt and the arrow keys.": [
    "正在排列。拖动图片，或用 Alt 加方向键移动。"
  ],
  "Brush %(across)s % from the left, %(down)s % from the top, on marked ground.": [
    "画笔距左 %(across)s %，距上 %(down)s %，位于已标记区域。"
  ],
  "Brush %(across)s % from the left, %(down)s % from the top, on unmarked ground.": [
    "画笔距左 %(across)s %，距上 %(down)s %，位于未标记区域。"
  ],
  "Brush size %(size)s.": [
    "画笔大小 %(size)s。"
  ],
  "Cancel": [
    "取消"
  ],
  "Cancel %(name)s": [
    "取消 %(name)s"
  ],
  "Close": [
    "关闭"
  ],
  "Close the message about %(name)s": [
    "关闭关于 %(name)s 的消息"
  ],
  "Copied.": [
    "已复制。"
  ],
  "Copying needs HTTPS.": [
    "复制需要 HTTPS。"
  ],
  "Delete": [
    "删除"
  ],
  "Done": [
    "完成"
  ],
  "Done arranging.": [
    "排列完成。"
  ],
  "Drawing.": [
    "正在绘制。"
  ],
  "Erasing.": [
    "正在擦除。"
  ],
  "Hide": [
    "隐藏"
  ],
  "It could not be added. Reload the page and try again.": [
    "无法添加。请重新加载页面后重试。"
  ],
  "It could not be moved. Reload the page and try again.": [
    "无法移动。请重新加载页面后重试。"
  ],
  "It could not be uploaded. Try again.": [
    "无法上传，请重试。"
  ],
  "It goes along as a reference.": [
    "它会作为参考图一起发送。"
  ],
  "Keep": [
    "保留"
  ],
  "Larger": [
    "放大"
  ],
  "Marked: %(percent)s % of the picture.": [
    "已标记：图片的 %(percent)s %。"
  ],
  "Marked: less than 1 % of the picture.": [
    "已标记：不到图片的 1 %。"
  ],
  "Move @%(place)s back": [
    "将 @%(place)s 后移"
  ],
  "Move @%(place)s forward": [
    "将 @%(place)s 前移"
  ],
  "Move back": [
    "后移"
  ],
  "Move forward": [
    "前移"
  ],
  "Moved to place %(place)s of %(all)s shown.": [
    "已移到显示的 %(all)s 张中的第 %(place)s 位。"
  ],
  "Now @%(place)s.": [
    "现在是 @%(place)s。"
  ],
  "One reference picture.": [
    "%(count)s 张参考图。"
  ],
  "Opening “%(name)s”…": [
    "正在打开“%(name)s”…"
  ],
  "Press Ctrl+C to copy.": [
    "按 Ctrl+C 复制。"
  ],
  "Remove @%(place)s": [
    "移除 @%(place)s"
  ],
  "Removed.": [
    "已移除。"
  ],
  "Show": [
    "显示"
  ],
  "Something went wrong here. Please try again.": [
    "这里出了问题，请重试。"
  ],
  "That is no longer there.": [
    "已不存在。"
  ],
  "That is not allowed, or this page is too old. Reload it and try again.": [
    "不允许此操作，或页面已过旧。请重新加载后重试。"
  ],
  "That was too large.": [
    "内容太大。"
  ],
  "That was too quick. Wait a moment and try again.": [
    "太快了。请稍等后重试。"
  ],
  "The studio does not answer. Trying again… Your prompt is kept.": [
    "工作室没有应答。正在重试…你的提示词已保留。"
  ],
  "This cannot be undone.": [
    "此操作无法撤销。"
  ],
  "This is the first one.": [
    "这是第一张。"
  ],
  "This is the last one.": [
    "这是最后一张。"
  ],
  "This page is too old. Reload it and try again.": [
    "页面已过旧。请重新加载后重试。"
  ],
  "Undo": [
    "撤销"
  ],
  "Uploading %(name)s": [
    "正在上传 %(name)s"
  ],
  "You are signed out. Reload the page.": [
    "你已退出登录。请重新加载页面。"
  ],
  "You seem to be offline. It is back in its place.": [
    "你似乎离线了。它已放回原处。"
  ],
  "You seem to be offline. It is still in the trash.": [
    "你似乎离线了。它仍在回收站中。"
  ],
  "You seem to be offline. Nothing has changed.": [
    "你似乎离线了。没有任何更改。"
  ],
  "You seem to be offline. Try again in a moment.": [
    "你似乎离线了。请稍后重试。"
  ],
  "You seem to be offline. Try again.": [
    "你似乎离线了。请重试。"
  ],
  "green": [
    "绿"
  ],
  "in %(gallery)s": [
    "在“%(gallery)s”中"
  ],
  "just now": [
    "刚刚"
  ],
  "not in a gallery": [
    "不在图集中"
  ],
  "red": [
    "红"
  ],
  "“%(name)s” is larger than 20 MB. Make it smaller, and choose it again.": [
    "“%(name)s”超过 20 MB。请缩小后重新选择。"
  ],
  "“%(name)s” is not a picture that can be opened here. Choose a PNG, JPEG, WebP, AVIF or GIF.": [
    "“%(name)s”不是这里能打开的图片。请选择 PNG、JPEG、WebP、AVIF 或 GIF。"
  ]
};

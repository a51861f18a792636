/* Search without a server: browsers refuse a Worker of a page opened from disk, so a hidden frame runs it instead. */
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.waiting = []
      window.addEventListener("message", event => {
        if (event.source !== this.frame.contentWindow) return
        if (event.data === "iframe-worker: ready") {
          const waiting = this.waiting
          this.waiting = null
          waiting.forEach(data => this.postMessage(data))
        } else this.dispatchEvent(new MessageEvent("message", { data: event.data }))
      })
      document.body.appendChild(this.frame)
      const inside = this.frame.contentWindow.document
      inside.open()
      inside.write(
        "<!doctype html><title>worker</title><script>" +
        "window.postMessage = data => parent.postMessage(data, '*');" +
        "window.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((done, fail) => {" +
        "  const script = document.createElement('script');" +
        "  script.src = url; script.onload = done; script.onerror = fail; document.body.appendChild(script) })), Promise.resolve())" +
        "</" + "script><body><script src=\"" + url + "\"></" + "script>" +
        "<script>parent.postMessage('iframe-worker: ready', '*')</" + "script>")
      inside.close()
    }
    postMessage(data) {
      if (this.waiting) this.waiting.push(data)
      else this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }))
    }
    terminate() {
      this.frame.remove()
    }
  }
  window.Worker = window.IFrameWorker
}

/** Single-key shortcuts, silent while someone types or a dialog is open. Returns the function that ends them. */
export function shortcuts(keys: Record<string, () => void>): () => void {
  const listener = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const { target } = event;
    if (target instanceof Element && target.closest("input, select, textarea, dialog")) return;
    keys[event.key.toLowerCase()]?.();
  };
  document.addEventListener("keydown", listener);
  return () => document.removeEventListener("keydown", listener);
}

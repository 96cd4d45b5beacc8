/** Whether the letters of *search* stand in *text* in this order, whatever is between them. */
export function matches(search: string, text: string): boolean {
  const letters = [...text.toLowerCase()];
  let place = 0;
  return [...search.toLowerCase().replace(/\s+/g, "")].every((letter) => {
    const found = letters.indexOf(letter, place);
    place = found + 1;
    return found >= 0;
  });
}

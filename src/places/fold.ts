// Letters that Unicode does not take apart into a base letter and a mark.
const plainLetters: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ə: 'a',
  þ: 'th',
}

const shortWords: Record<string, string> = { st: 'saint', ste: 'sainte', mt: 'mount', ft: 'fort' }

/**
 * The spelling under which a name is filed and looked up: lower case, no accents, no punctuation, one
 * space between words, "St." written out. The gazetteer is built with this same function.
 */
export function fold(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[ßæœøđðłħıəþ]/g, (letter) => plainLetters[letter] ?? letter)
    .replace(/\b(\p{L})\.\s?(?=\p{L}\b)/gu, '$1') // d.c. and u. s. a. are one word
    .replace(/['’‘ʻʼ`´]/g, '')
    .replace(/&/g, ' and ')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .map((word) => shortWords[word] ?? word)
    .join(' ')
}

export { findPlace, isPlace, matchPlace, type NoPlace, type PlaceMatch } from './find.js'
export { loadGazetteer } from './gazetteer.js'
export { type Place, placeLabel } from './place.js'

export { findPlace, isPlace, type NoPlace } from './find.js'
export { loadGazetteer } from './gazetteer.js'
export { type Place, placeLabel } from './place.js'

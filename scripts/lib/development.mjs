/**
 * The variable by which `npm start` has the Worker built for development; what is deployed, served and measured never
 * is.
 */
export const DEVELOPMENT = 'BAYEUX_DEVELOPMENT';
